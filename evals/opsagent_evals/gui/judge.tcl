# A wish of the judge: each line of stdin is {program kind what}; it answers with boxes of the screen, then \x04.
# kind: path (glob of a widget's path), text (of a widget), menu (an entry), canvas (a text item), eval (what is a script).
wm withdraw .
fconfigure stdout -buffering none -encoding utf-8
fconfigure stdin -encoding utf-8

set where {{kind what} {
  set found {}
  set row [list .]
  while {[llength $row]} {
    set w [lindex $row 0]
    set row [concat [lrange $row 1 end] [winfo children $w]]
    if {![winfo viewable $w]} continue
    set x [winfo rootx $w]; set y [winfo rooty $w]
    switch -- $kind {
      path { if {[string match $what $w]} { lappend found $x $y [winfo width $w] [winfo height $w] } }
      text {
        if {[catch {$w cget -text} text]} continue
        if {$text eq $what} { lappend found $x $y [winfo width $w] [winfo height $w] }
      }
      menu {
        if {[winfo class $w] ne "Menu"} continue
        set last [$w index end]
        if {$last eq "none"} continue
        set bar [expr {[$w cget -type] eq "menubar"}]
        for {set i 0} {$i <= $last} {incr i} {
          if {[catch {$w entrycget $i -label} label] || $label ne $what} continue
          set next [expr {$i + 1}]
          if {$bar} {
            set from [$w xposition $i]
            set to [expr {$i == $last ? [winfo width $w] : [$w xposition $next]}]
            if {$to - $from > 200} { set to [expr {$from + 40}] }
            lappend found [expr {$x + $from}] $y [expr {$to - $from}] [winfo height $w]
          } else {
            set from [$w yposition $i]
            set to [expr {$i == $last ? [winfo height $w] : [$w yposition $next]}]
            lappend found $x [expr {$y + $from}] [winfo width $w] [expr {$to - $from}]
          }
        }
      }
      canvas {
        if {[winfo class $w] ne "Canvas"} continue
        foreach item [$w find all] {
          if {[$w type $item] ne "text" || [$w itemcget $item -text] ne $what} continue
          lassign [$w bbox $item] l t r b
          if {$l eq ""} continue
          lappend found [expr {int($x + $l - [$w canvasx 0])}] [expr {int($y + $t - [$w canvasy 0])}] \
            [expr {$r - $l}] [expr {$b - $t}]
        }
      }
    }
  }
  set found
}}

proc answer {} {
  global where
  if {[gets stdin line] < 0} exit
  lassign $line program kind what
  set script [expr {$kind eq "eval" ? $what : [list apply $where $kind $what]}]
  if {[catch {send $program $script} told]} {set told "! $told"}
  puts "[string map {\n { }} $told]\x04"
}
fileevent stdin readable answer
