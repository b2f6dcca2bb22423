"""Programs of a terminal: started on a pty (or held by a person's tmux), read as cells, used by keys.

    holding   where a program of a terminal runs, as a port
    program   on a pty of its own: its screen, its size, its exit code
    tmux      in a pane of a person's tmux
    vt        bytes of a terminal → cells, on pyte
    reading   cells → elements: buttons, check boxes, lists, fields, menus, prompts; and which one is highlighted
    driving   keys to an element, looked at before Enter
    surface   all of it behind the port `opsagent_tools.gui.port.Surface`
    screens   programs for a procedure to be played on
    recording a person's keys → steps of a procedure
    drawing   cells → PNG, without a display

Importing this package loads nothing of them.
"""
