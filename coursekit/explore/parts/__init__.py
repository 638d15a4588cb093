"""What several explorers draw with: pens, charts, letters, contact sheets; and models held still for pictures."""
