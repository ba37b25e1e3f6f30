"""What waits for whom, in which order and why: the morning screen, urgent marks, who is on call."""
