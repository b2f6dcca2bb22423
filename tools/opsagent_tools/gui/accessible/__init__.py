"""Windows whose toolkit tells what they show: AT-SPI, spoken over D-Bus, for GTK, Qt, wx, Swing and Chromium.

`offering.offers` gives the surface of a window, `launching` how to start programs so that they tell.
"""
