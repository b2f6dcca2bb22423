"""Cells → elements. Pure.

frames    boxes that are drawn with lines, or with + - |
layout    which cell belongs to which frame; the rows of text of each; how each looks for the most part
widgets   check boxes, radio buttons, buttons, gauges
fields    where text is typed: coloured, underlined, underscored, framed, or after a prompt
lists     rows of which one is highlighted: lists, menus
bars      menu bars, bars of function keys, numbered choices
tags      the short words before the items of a list
focus     where the keys go: the dialog on top, the widget with the focus, what is highlighted
words     what is written elsewhere; which words mean a secret
elements  all of it together
"""
