"""The embedded MQTT broker: for one commune or a few, on loopback unless told otherwise, closed by default."""
