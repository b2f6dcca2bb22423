"""Variables of an environment that are nobody's configuration."""

from __future__ import annotations

OF_THE_SUPERVISOR = frozenset(
    "pm_id pm_uptime pm_cwd pm_exec_path pm_out_log_path pm_err_log_path pm_pid_path unique_id restart_time "
    "unstable_restarts axm_monitor axm_options axm_actions axm_dynamic created_at exit_code prev_restart_delay "
    "NODE_APP_INSTANCE LISTEN_FD LISTEN_FDS LISTEN_PID INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID NOTIFY_SOCKET "
    "WATCHDOG_PID WATCHDOG_USEC MEMORY_PRESSURE_WATCH MEMORY_PRESSURE_WRITE status version node_version _ SHLVL PWD "
    "OLDPWD WINDOWID SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK XDG_SESSION_ID TERM COLUMNS LINES LS_COLORS".split()
)
"""Differ from one start to the next, or from one terminal to the next, and say nothing of the release."""
