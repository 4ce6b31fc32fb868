"""A voice file as Piper takes it, made here: a tone whose length follows the number of phonemes and the pace."""

import hashlib
import json
from pathlib import Path

import onnx
from onnx import TensorProto, helper
from piper.phoneme_ids import DEFAULT_PHONEME_ID_MAP

from broadcaster.config import PiperVoiceSettings

RATE_HZ = 16_000
PER_PHONEME_MS = 40
TONE_HZ = 300


def piper_voice(folder: Path, name: str = "thu", language: str = "vi", *, tone_hz: int = TONE_HZ) -> PiperVoiceSettings:
    """A model with its settings beside it, in a folder; the settings of the program that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.onnx"
    model = _model(tone_hz).SerializeToString()
    file.write_bytes(model)
    own = {
        "audio": {"sample_rate": RATE_HZ},
        "espeak": {"voice": language},
        "phoneme_type": "espeak",
        "num_symbols": 256,
        "num_speakers": 1,
        "inference": {"noise_scale": 0.667, "length_scale": 1.0, "noise_w": 0.8},
        "phoneme_id_map": DEFAULT_PHONEME_ID_MAP,
    }
    (folder / f"{name}.onnx.json").write_text(json.dumps(own), encoding="utf-8")
    return PiperVoiceSettings(file=file, sha256=hashlib.sha256(model).hexdigest(), language=language)


def _model(tone_hz: int) -> onnx.ModelProto:
    """`input` (1, phonemes), `input_lengths` (1,) and `scales` (noise, length, noise of width) become `output`."""
    per_phoneme = RATE_HZ * PER_PHONEME_MS / 1000
    radians = 2 * 3.141592653589793 * tone_hz / RATE_HZ
    constants = [
        helper.make_tensor("one", TensorProto.INT64, [], [1]),
        helper.make_tensor("zero", TensorProto.INT64, [], [0]),
        helper.make_tensor("per_phoneme", TensorProto.FLOAT, [], [per_phoneme]),
        helper.make_tensor("radians", TensorProto.FLOAT, [], [radians]),
        helper.make_tensor("shape", TensorProto.INT64, [3], [1, 1, -1]),
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
    ]
    nodes = [
        helper.make_node("ReduceSum", ["input_lengths", "first"], ["phonemes"], keepdims=0),
        helper.make_node("Cast", ["phonemes"], ["count"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["scales", "one"], ["pace"]),
        helper.make_node("Mul", ["count", "per_phoneme"], ["usual"]),
        helper.make_node("Mul", ["usual", "pace"], ["length"]),
        helper.make_node("Cast", ["length"], ["samples"], to=TensorProto.INT64),
        helper.make_node("Range", ["zero", "samples", "one"], ["steps"]),
        helper.make_node("Cast", ["steps"], ["moments"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["moments", "radians"], ["phase"]),
        helper.make_node("Sin", ["phase"], ["tone"]),
        helper.make_node("Reshape", ["tone", "shape"], ["output"]),
    ]
    inputs = [
        helper.make_tensor_value_info("input", TensorProto.INT64, [1, "phonemes"]),
        helper.make_tensor_value_info("input_lengths", TensorProto.INT64, [1]),
        helper.make_tensor_value_info("scales", TensorProto.FLOAT, [3]),
    ]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 1, None])]
    graph = helper.make_graph(nodes, "tone", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model
