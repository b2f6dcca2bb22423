# A console in Tk, as old ones are: `wish console.tcl FILE SCALE COLOURS`. What is done to it goes to FILE, a line each.
lassign $argv said scale colours
foreach font [font names] { font configure $font -size [expr {round([font configure $font -size] * $scale)}] }
if {$colours eq "dark"} { tk_setPalette background #202428 foreground #e0e4e8 selectColor #202428 }
proc say {args} { set out [open $::said a]; puts $out [join $args "\t"]; close $out }
wm title . console
menu .bar; . configure -menu .bar
foreach {name entries} {File {Open "Save as" Quit} Edit {Copy Paste}} {
    set menu [menu .bar.m$name -tearoff 0]
    .bar add cascade -label $name -menu $menu
    foreach entry $entries { $menu add command -label $entry -command [list say menu $entry] }
}
set row 0
foreach name {Host Port Owner Password} {
    label .l$row -text $name
    entry .e$row -width 26 -textvariable value($name) -show [expr {$name eq "Password" ? "*" : ""}]
    grid .l$row -row $row -column 0 -sticky e
    grid .e$row -row $row -column 1 -columnspan 2
    incr row
}
set value(Owner) nobody
checkbutton .tls -text "Use TLS" -variable tls -command {say tls $tls}
checkbutton .keep -text "Keep alive" -variable keep -command {say keep $keep}
set keep 1
button .cancel -text Cancel -command {say cancel}
button .apply -text "Apply now" -command {say apply $value(Host) $value(Port) $value(Owner)}
grid .tls .keep -row $row
grid .cancel .apply -row [incr row]
