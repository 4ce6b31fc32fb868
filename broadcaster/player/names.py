"""What the files in a loudspeaker's folder are called."""

from pathlib import Path

FOLDER = Path("loudspeaker")
"""The folder itself, unless told otherwise."""
IDENTITY = "identity.json"
KEYS = "keys.json"
SETTINGS = "player.yaml"
CODE = "enrol.code"
"""The server's address and a one-time code: with it in its folder, a loudspeaker enrols when it starts."""
LINK_STATE = "link.state"
