"""What is seen of Broadcaster over HTTP; for now the door through which loudspeakers come."""
