"""How things look: tables, timelines, numbers for people. Text that others wrote is escaped here."""
