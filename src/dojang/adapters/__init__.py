"""What stands behind the ports: clocks, the signing process."""
