"""The edge: what every door shares – statuses, refusals, wording, who is asking."""
