"""From the outbox on disk to headquarters and back."""
