"""The registration authority: runs of journeys, retry counters and locks, and the road to a certificate."""
