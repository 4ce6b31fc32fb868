"""The reference loudspeaker: one small process at the amplifier, outbound connections only."""
