"""What every room that guards something needs: counters, budgets, locks, challenges, sealing of fields."""
