"""A program with fields, a button and a sheet that says what is done to it: `python tk_form.py FILE`, a JSON line each.

It is nobody's surface: what arrives is judged by what the program itself says.
"""

from __future__ import annotations

import json
import sys
import tkinter as tk
from functools import partial
from pathlib import Path
from typing import Any


def main() -> None:
    root = tk.Tk()
    root.title("form")
    root.geometry("420x300+100+80")
    file = Path(sys.argv[1])

    def say(what: str, value: Any = "") -> None:
        with file.open("a", encoding="utf-8") as out:
            out.write(json.dumps([what, value]) + "\n")

    fields = {}
    for name, shown in (("field", ""), ("password", "*")):
        fields[name] = tk.Entry(root, width=60, show=shown)
        fields[name].pack(fill="x")
    fields["field"].focus_set()
    fields["field"].bind("<Key>", lambda key: say("key", key.char))

    def took(name: str, _: object) -> None:
        say(name, fields[name].get())
        fields[name].delete(0, "end")

    def focused(name: str, _: object) -> None:
        say("focus", name)

    def pressed(what: str, at: tk.Event[tk.Canvas]) -> None:
        say(what, [at.x_root, at.y_root])

    for name, entry in fields.items():
        entry.bind("<Return>", partial(took, name))
        entry.bind("<FocusIn>", partial(focused, name))
    tk.Button(root, text="Go", command=lambda: say("go")).pack()
    dialog = tk.Button(root, text="Open", command=lambda: opened(root))
    dialog.pack()
    sheet = tk.Canvas(root, width=400, height=120, bg="white")
    sheet.pack()
    for event, what in (("<Button-1>", "click"), ("<Double-Button-1>", "double"), ("<Button-3>", "right"),
                        ("<ButtonRelease-1>", "released"), ("<Button-4>", "up"), ("<Button-5>", "down")):  # fmt: skip
        sheet.bind(event, partial(pressed, what))
    root.bind("<Control-s>", lambda _: say("ctrl+s"))
    root.bind("<F5>", lambda _: say("f5"))

    def afresh(_: object) -> None:
        """Be as at the beginning, for the next test."""
        for window in root.winfo_children():
            if isinstance(window, tk.Toplevel):
                window.destroy()
        for entry in fields.values():
            entry.delete(0, "end")
        fields["field"].focus_set()
        say("afresh")

    root.bind_all("<F12>", afresh)

    def told() -> None:
        root.update_idletasks()
        places = {"field": fields["field"], "password": fields["password"], "sheet": sheet, "open": dialog}
        say("places", {name: [one.winfo_rootx() + one.winfo_width() // 2, one.winfo_rooty() + one.winfo_height() // 2]
                       for name, one in places.items()})  # fmt: skip

    root.after(100, told)
    root.mainloop()


def opened(root: tk.Tk) -> None:
    dialog = tk.Toplevel(root)
    dialog.title("dialog")
    dialog.geometry("420x300+100+80")


if __name__ == "__main__":
    main()
