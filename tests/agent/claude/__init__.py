"""What comes in from Claude: hand-written streams, and the recorded corpus where it is there."""
