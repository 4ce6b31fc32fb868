"""What is obeyed: signed orders, the keys behind them, and the one verifier of server and loudspeaker."""
