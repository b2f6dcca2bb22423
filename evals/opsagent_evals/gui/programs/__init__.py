"""The stock programs that the agent is put to. None was written here; each comes from a Debian package."""

from __future__ import annotations

from opsagent_evals.gui.programs import desktop, dialogs, gtk, terminal, tk, web, xt

PROGRAMS = (
    *gtk.PROGRAMS,
    *desktop.PROGRAMS,
    *xt.PROGRAMS,
    *tk.PROGRAMS,
    *web.PROGRAMS,
    *dialogs.PROGRAMS,
    *terminal.PROGRAMS,
)
