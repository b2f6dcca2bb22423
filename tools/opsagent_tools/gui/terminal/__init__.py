"""Programs of a terminal: started on a pty (or held by a person's tmux), read as cells, used by keys.

    program   a program on a pty of its own: its screen, its size, its exit code
    vt        bytes of a terminal → cells, on pyte
    reading   cells → elements: buttons, check boxes, lists, fields, menus, prompts; and which one is highlighted
    driving   keys to an element, looked at before Enter
    surface   all of it behind the port `opsagent_tools.gui.port.Surface`
    recording a person's keys → steps of a procedure
    drawing   cells → PNG, without a display

Importing this package loads nothing of them.
"""
