"""What of recorded traffic may stand in a scenario: words and shapes, never values."""
