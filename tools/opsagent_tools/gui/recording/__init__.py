"""Recording by doing: what a person does on a display becomes a procedure.

    recorder = Recorder(display.name, display.env, eyes)
    await recorder.start()
    await recorder.finished()  # the hotkey, or the program's end
    recording = await recorder.stop()
    recorded = recording.procedure("export-report")  # with its pictures, and notes for a person

`worker` hears pointer and keys (XRecord) in a process of its own; `gestures` joins them; `eyes` says what was below them;
`steps` makes a procedure of both. What is typed into a secret field goes nowhere: only its name is kept.
"""

from opsagent_tools.gui.recording.eyes import Eyes, Seen, SurfaceEyes
from opsagent_tools.gui.recording.recorder import Recorder
from opsagent_tools.gui.recording.steps import Did, Recorded, Recording

__all__ = ["Did", "Eyes", "Recorded", "Recorder", "Recording", "Seen", "SurfaceEyes"]
