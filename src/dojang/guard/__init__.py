"""What every room that guards something needs: counters and budgets, locks, sealing of fields."""
