"""English words and phrases with their roles: a table. What is not in it is unknown. Pure.

A row is a role, a value, a form and the phrases that have them; longest phrases win. Verbs that say little by themselves
(`give`, `bring`) have the form `light`: what they mean is composed with what follows (`opsagent.commands.english_verbs`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from opsagent.commands.tags import Role

Meaning = tuple[Role, str, str]
"""Role, value and form of a phrase."""

_V, _N, _S, _F, _G, _Q = Role.VERB, Role.NOUN, Role.STATE, Role.FILLER, Role.GLUE, Role.QUESTION

_INFLECTED: Mapping[str, tuple[str, ...]] = {
    # tool: base / third / gerund / past (and participle)
    "restart": ("restart|re-start|reboot|bounce|cycle|recycle|relaunch|re-launch|respawn|power cycle|power-cycle|kick over",
                "restarts|reboots|bounces|recycles",
                "restarting|rebooting|bouncing|cycling|recycling|relaunching|respawning",
                "restarted|rebooted|bounced|cycled|recycled|relaunched|respawned"),
    "stop": ("stop|halt|shutdown|shut-down|terminate|power off|power down|spin down|wind down|stand down|shut off|shut down|"
             "turn off|switch off|take down|take offline|bring down|knock down",
             "stops|halts", "stopping|halting|terminating|shutting down|taking down|shutting off|turning off|bringing down",
             "stopped down|halted|terminated|shut-off|taken down|turned off|switched off"),
    "start": ("start|launch|boot|boot up|fire up|spin up|start up|power up|power on|bring up|turn on|switch on|revive|"
              "resurrect|bring back up|bring back|bring online|bring back online|start back up|spin back up|fire back up|wake up|wake",
              "starts|launches|boots", "starting|launching|booting|starting up|bringing up|booting up|spinning up",
              "started|launched|booted|brought up|revived"),
    "reload": ("reload|re-load|hot reload|hot-reload|rolling restart|rolling-restart|rolling reload|hot restart|"
               "roll through|live reload", "reloads", "reloading|hot reloading", "reloaded"),
    "rollback": ("rollback|roll back|roll-back|revert|back out|undo the last deploy of|undo the deploy of|undo the latest deploy of|"
                 "undo the last release of|undo the latest release of|undo last deploy of|undo the deployment of|"
                 "undo the last deployment of|undo the latest deployment of|downgrade",
                 "reverts", "rolling back|reverting", "rolled back|reverted"),
    "scale": ("scale|resize|rescale", "scales", "scaling|resizing", "scaled|resized"),
    "scale_up": ("scale up|scale out|scale-up|increase|raise|grow|bump|bump up|beef up|expand|ramp up|upscale", "", "scaling up|scaling out|increasing", "scaled up"),
    "scale_down": ("scale down|scale in|scale back|scale-down|decrease|reduce|lower|shrink|cut|cut down|ramp down|trim|downscale|dial down",
                   "", "scaling down|scaling in|decreasing|reducing", "scaled down|reduced"),
    "kill": ("kill|nuke|sigkill|force kill|force stop|force-stop|disable|murder|zap|destroy|axe|whack", "kills|disables",
             "killing|nuking|disabling", "killed|disabled"),
    "touch": ("touch|do anything to|do anything with|mess with|act on|interfere with|mind|bother|fiddle with|intervene on|go near|lay a finger on",
              "touches", "touching|messing with|acting on|affecting|bothering|interrupting|disturbing", "touched"),
    "deploy": ("deploy|upgrade|update|install|uninstall|delete|remove|drop|patch|migrate|redeploy|build|ship|publish|"
               "fix|repair|heal|mend|sort out|handle|deal with|clean|clean up|clear|purge|flush|wipe|reset|repoint|"
               "rename|move|edit|change|configure|reconfigure|truncate|rotate|debug|unplug|replace|swap|reinstall|"
               "refresh|suspend|freeze|enable|isolate|drain|evict|rescue|save|tune|optimise|optimize|throttle|warm up|snooze|mute|silence",
               "deploys|upgrades|updates|deletes|removes", "deploying|upgrading|updating|deleting|removing|fixing|flushing",
               "deployed|upgraded|updated|deleted|removed|fixed|flushed"),
}  # fmt: skip
"""`deploy` stands for everything that no tool does."""

OTHER = "deploy"

_READING: tuple[tuple[str, str], ...] = (
    ("show", "show|show me|display|print|print out|view|list|list out|see|read|fetch|pull|pull up|pull out|bring me|let me see|let me have|"
             "dump|cat|i want to see|i'd like to see|i would like to see|i wanna see|i need to see|can i see|could i see|may i see|"
             "can i get|could i get|can i have|could i have|can we see|could we see|can we get|i need|i want|i'd like|i would like|"
             "let's see|lets see|let us see|gimme|tail|follow|open|open up|show us|give us|get us|send me|hand me|tell me about|give me|get me|grab|grab me|"
             "paste|output|what do we have in|take me to|look through|go through|have a look through|surface|expose|"
             "what's in|what is in|retrieve|produce|present|spit out|stream|watch"),
    ("check", "check|check on|check up on|look at|look into|have a look at|take a look at|take a peek at|have a peek at|peek at|inspect|"
              "describe|examine|diagnose|investigate|tell me|tell me how|tell me if|tell me whether|let me know|let me know if|let me know how|"
              "let me know whether|find out|find out if|find out how|find out whether|see if|see whether|see how|check if|check whether|check how|verify|"
              "verify that|verify whether|make sure|confirm whether|confirm if|monitor|ping|report on|give me the rundown on|rundown on|update me on|"
              "fill me in on|summarise|summarize|brief me on|catch me up on|check in on|explain|explain to me|assess|"
              "do you know|do we know|any idea|any clue|please advise|please confirm if|i wonder|i'm wondering|wondering|i was wondering|"
              "curious|i'm curious|i want to know|i'd like to know|i would like to know|i need to know|can you see if|double check|double-check|probe|query"),
    ("search", "search|grep|find|look for|search for|grep for|look up|hunt for|hunt|scan|scan for|comb|filter|locate|seek|dig for|dig through|dig"),
)  # fmt: skip

_LIGHT = (
    "give", "do", "make", "perform", "execute", "run", "take", "bring", "put", "set", "get", "have", "turn", "switch", "shut",
    "roll", "spin", "fire", "power", "keep", "leave", "let", "go", "kick", "return", "restore", "add", "remove", "drop", "place",
    "lift", "release", "carry out", "trigger", "issue", "schedule", "undo", "spare", "change", "adjust", "move", "throw",
    "boost", "double", "halve", "triple", "knock", "boot", "start", "hand", "lend", "end", "clear", "send", "flip", "initiate", "apply", "hit",
    "call for", "stick", "pop", "initialise", "bump", "cut",
)  # fmt: skip

_ROWS: tuple[tuple[Role, str, str, str], ...] = (
    # orders to the agent
    (_V, "hold", "imperative", "hold|hold off on|keep your hands off|keep hands off|hands off|hands-off|stay away from|keep away from|keep off|"
                               "stay off|lay off|steer clear of|back off from|back off|leave off"),
    (_V, "resume", "imperative", "resume|unpause|unhold|un-hold|unfreeze|carry on|continue|go on working|go back to work|back to work|"
                                 "carry on with|keep going|proceed|release the hold on|lift the hold on|end the hold on|remove the hold on|"
                                 "release hold on|lift the hold from|drop the hold on|cancel the hold on|clear the hold on|take the hold off|"
                                 "get back to work|start working again|you can go on|you may go on|you can continue|you may continue|you can carry on|"
                                 "you may carry on|stop holding|quit holding|you can resume|you may resume|you can act again|you may act again|"
                                 "start acting again|act again|be active again|resume work|resume working|resume operations|resume operation|"
                                 "resume acting|resume repairs|unsuspend|end the hold for|lift the hold for|release the hold for|lift hold on|"
                                 "remove the hold from|remove hold from|remove hold on|end hold on|cancel the hold for|"
                                 "you can touch|you may touch|you can work on|start managing|start watching over|look after"),
    (_V, "pause", "imperative", "pause|stand by|take a break|do nothing|stop acting|stop doing anything|stop doing things|stop touching things|"
                                "stop touching anything|don't do anything|do not do anything|don't touch anything|do not touch anything|don't act|do not act|dont touch anything|"
                                "dont do anything|keep your hands off everything|hands off everything|leave everything alone|leave everything be|stop repairing|stop fixing things|"
                                "stop repairing things|stop making changes|don't make any changes|make no changes|do not make any changes|no more changes|no changes|"
                                "stop all automation|stop automation|stop the automation|pause automation|pause the automation|pause all automation|sit tight|stay put|hold your horses|"
                                "hold off|hold fire|hold everything|stand down|stop intervening|stop interfering|cease all actions|cease acting|"
                                "stop all automatic actions|stop automatic repairs|stop your automatic repairs|stop all repairs|pause repairs|pause all repairs|pause all actions|don't repair anything|"
                                "don't fix anything|stop everything you're doing|stop everything you are doing|freeze all automation|suspend automation|leave all of them alone|"
                                "stop working|stop your work|pause your work|pause work|hands off for now"),
    (_V, "approve", "imperative", "approve|accept|yes approve|i approve|approve of|green light|green-light|greenlight|ok|sign off on|"
                                  "yes do it|yes go ahead|yes please do|yes please do it|go ahead and do it|go ahead with it|yes do that|"
                                  "yes run it|yes please go ahead|i agree to|agree to|authorise|authorize|permit|allow|give the go-ahead for|"
                                  "give the go ahead for|give the green light to|give the ok for|give the ok to|say yes to|lgtm|ship it|let it run|let it proceed|let it go ahead|"
                                  "approved|accepted|yes to|confirm|go ahead with|you have my approval for|"
                                  "yep do it|yeah do it|yup do it|ok do it|okay do it|sure do it|yes , do it|yes , go ahead|yes , please|yes , approve|yes , please do|"
                                  "yeah , do it|yeah , go ahead|yeah go ahead|ok , do it|ok , go ahead|ok go ahead|okay , go ahead|okay go ahead|sure , go ahead|sure go ahead|yes , please do it|"
                                  "that's fine , do it|fine , do it|fine do it|sounds good , do it|sounds good , go ahead|looks good , go ahead|"
                                  "looks good , do it|you can do it|you may do it|please do it|please go ahead"),
    (_V, "deny", "imperative", "deny|reject|decline|refuse|veto|disapprove|disapprove of|turn down|say no to|no don't do it|no do not do it|"
                               "no , don't do it|no , don't|no , do not do it|no dont do it|no , dont do it|no to|"
                               "i deny|i reject|denied|rejected|don't approve|do not approve|dont approve|don't do it|do not do it|dont do it|"
                               "thumbs down on|thumbs down to|block|dismiss|no , don't do that|no don't do that|don't do that|do not do that|"
                               "no , leave it|no , leave it alone|no , cancel it|no , reject it|no , deny it"),
    # manner
    (Role.MANNER, "safely", "", "safely|gracefully|one by one|one at a time|without downtime|without any downtime|with no downtime|with zero downtime|"
                                "zero downtime|zero-downtime|in a safe way|in a safe manner|without dropping requests|without dropping connections|"
                                "without dropping any requests|without dropping any connections|without losing requests|without interruption|without an interruption|"
                                "without any interruption|without interrupting service|without interrupting users|without an outage|without outage|"
                                "instance by instance|one instance at a time|one after another|one after the other|without interrupting anyone|"
                                "with a canary|canary first|no downtime|safe|graceful|clean|cleanly|gentle|gently|carefully|in a rolling fashion|the safe way|"
                                "nice and safe|safe and sound|rolling|in rolling fashion|seamlessly|without taking it down|without dropping traffic|"
                                "without kicking anyone off|without users noticing|without anyone noticing|nicely|the graceful way|with care|without breaking anything|softly|soft"),
    # politeness and other words that change nothing
    (_F, "", "", "please|pls|plz|plzz|kindly|hey|hi|hello|hiya|ok|okay|now|just|opsagent|quickly|quick|real quick|really quick|right now|right away|"
                 "immediately|asap|for me|for us|again|thanks|thank you|thx|ty|cheers|at once|when you get a chance|when you get a sec|when you get a second|"
                 "when you get a minute|when you get a moment|when you have a moment|when you have a minute|when you have a sec|when you have a second|if you can|"
                 "if possible|if you could|if you would|if you don't mind|if you dont mind|if you please|would be great|that would be great|that'd be great|"
                 "that would be nice|would be nice|real fast|for a sec|for a second|a sec|simply|straight away|promptly|then please|so|well|alright|"
                 "right|yo|um|uh|er|hmm|oh|ah|dear agent|mate|buddy|friend|folks|team|man|dude|bro|boss|good morning|good evening|morning|evening|good afternoon|"
                 "many thanks|thanks a lot|thanks in advance|thank you very much|thank you so much|much appreciated|appreciated|i appreciate it|would appreciate it|"
                 "at your earliest convenience|as soon as possible|as soon as you can|when possible|whenever you can|whenever you get a chance|"
                 "actually just|kind of|kinda|go ahead and|go and|help me|help|ha|lol|haha|:)|here|quite|also|too|as well|me please|"
                 "real|really|very|by the way|btw|fyi|quick one|quick question|one more thing|first thing|first|firstly|first of all|to start with|before anything else|"
                 "need you to|want you to|if that's ok|if that's okay|if that is ok|if it's not too much trouble|sorry|excuse me|"
                 "don't wait|without delay|without further ado|urgently|urgent|pronto|stat|chop chop|for god's sake|ffs|for the love of god|damn|"
                 "one last time|once more|one more time|fast|a bit|a little|once|over here|this minute|this instant|this second|bitte|my friend|"
                 "in the meantime|if you have time|if you've got time|"
                 "real soon|good|great|cool|perfect|nice|awesome|fine|completely|entirely|properly|fully|"
                 "of course|it's urgent|this is urgent|it is urgent|ahead|please and thank you|have a nice day|cheers mate|now please|"
                 "both|both of|only|today please|exactly|total|in total|altogether"),
    (Role.REQUEST, "", "", "can you|could you|would you|will you|can you please|could you please|would you please|will you please|please can you|"
                           "please could you|i want you to|i need you to|i would like you to|i'd like you to|i'd love you to|would you kindly|could you kindly|"
                           "can you just|could you just|could you quickly|can you quickly|would you be able to|are you able to|could you maybe|could you possibly|"
                           "can you possibly|is it possible for you to|do me a favor and|do me a favour and|be so kind as to|be a dear and|would you be so kind as to|"
                           "could you go ahead and|can you go ahead and|i'll need you to|i am asking you to|i'm asking you to|i ask you to|let's|lets|let us|"
                           "time to|it's time to|it is time to|we need to|i need to|we have to|we've got to|we must|you need to|you have to|you must|"
                           "need to|gotta|we gotta|i want to|i'd like to|i would like to|i wanna|we want to|we'd like to|mind if i ask you to|"
                           "can u|could u|would u|pls can you|make sure to|make sure you|be sure to|i'm going to need you to|you can|you may|"
                           "feel free to|try to|please try to|go|come on and|could someone|can someone|can somebody|could somebody|would someone|can anyone|"
                           "i'd appreciate it if you could|i would appreciate it if you could|it would be great if you could|it'd be great if you could|"
                           "would be great if you could|would be nice if you could|it would be nice if you could|i'd be grateful if you could|"
                           "the plan is to|your job is to|next up|your task is to"),
    (Role.REQUEST, "", "gerund", "would you mind|do you mind|mind|how about|what about|could i trouble you for|consider|please consider"),
    (Role.REQUEST, "", "participle", "i need|i want|i'd like|i would like|i want to have|i need to have|we need|we want|i'd like to have|could you get|can you get|"
                                     "i'd like to see|i want to see|please get|please have|have|get|can i get|can i have|could i get|could i have|can we get|could we get|can we have|could we have"),
    # joins
    (Role.JOIN, "and", "", "and|&|plus|as well as|along with|together with|+|n"),
    (Role.JOIN, "or", "", "or|either|and/or"),
    (Role.JOIN, "then", "", "then|and then|after that|and after that|afterwards|and afterwards|next|followed by|once that's done|once that is done|when that's done|"
                            "when that is done|once done|when done|once you're done|when you're done|and when you're done|and once that's done|and when that's done|"
                            "when done then|and next|subsequently|later on|and finally|finally|lastly|thereafter|after this|once it's done|when it's done|"
                            "once that has finished|once finished|when finished|when that's finished|and once done|and when done|->|>>|and also|once complete|after which|"
                            "secondly"),
    (Role.JOIN, "but", "", "but|however|though|although|and just|but just|but only|but do"),
    (Role.JOIN, "instead", "", "instead|rather|but instead|but rather|instead just"),
    (Role.CORRECTION, "", "", "no wait|wait no|wait|i mean|i meant|actually no|no actually|no , actually|scratch that|sorry , i mean|sorry i mean|correction|or rather|"
                              "on second thought|strike that|never mind|nevermind|oops|whoops|no sorry|my bad|no no|err|hold on|hang on|actually|make that|no , i mean|"
                              "forget it|forget that|cancel that|ignore that|disregard that|no no no|no , wait|wait , no|no , sorry|oh wait|ah no|ah wait|sorry no"),
    (Role.EXCEPT, "except", "", "except|except for|but not|excluding|other than|apart from|aside from|besides|save for|minus|all but|everything but|bar|with the exception of|"
                                "and not|not"),
    # who is meant
    (Role.ALL, "all", "", "all|everything|every service|every one|every single service|all services|all the services|all processes|all the processes|all units|all of them|all apps|all the apps|"
                          "every app|every process|every unit|each service|each of them|each one|the lot|the whole lot|the whole stack|whole stack|the entire stack|the stack|"
                          "all of the services|all my services|all our services|every one of them|all that's running|everything that's running|everything running|all of it|the whole thing|"
                          "all of our services|all applications|the fleet|the whole fleet|each and every service"),
    (Role.PRONOUN, "it", "", "it|that one|this one|that service|this service|that|this|the service|that thing|the same service|the same one|him|the same|that process|this process|that unit|this unit|that app|this app|the app"),
    (Role.PRONOUN, "them", "", "them|those|these|both of them|the two of them|those two|these two|the two|both services|those services|these services|they"),
    (Role.PRONOUN, "it", "own", "its|it's own|his|that service's|this service's"),
    (Role.PRONOUN, "them", "own", "their"),
    # things
    (_N, "logs", "", "log|logs|log file|log files|logfile|logfiles|log output|output|stdout|stderr|log entries|log messages|console|console output|logging|journal|"
                     "log lines|log line|log tail|logs tail|server logs|the logs|log stream|traces|trace|stack trace|stack traces|stacktrace|stacktraces|log book|prints|messages"),
    (_N, "lines", "", "line|lines|entries|entry|rows|log entry|events"),
    (_N, "errors", "", "error|errors|errs|exceptions|exception|error messages|error message|error lines|failures in the logs|error log|error logs|complaints|warnings and errors"),
    (_N, "status", "", "status|state|health|condition|details|detail|info|information|vitals|stats|statistics|situation|health check|healthcheck|overview|summary|"
                       "status report|health report|shape|state of health|standing|performance|metrics|numbers|figures|resource usage|resources|resource use|resource consumption|"
                       "usage|pid|pids|restart count|restarts count|number of restarts|picture|snapshot|report|diagnostics"),
    (_N, "uptime", "", "uptime|up time"),
    (_N, "incidents", "", "incident|incidents|history|past|outage|outages|crash history|incident history|past incidents|postmortem|postmortems|post-mortem|previous incidents|"
                          "track record|timeline|problems|issues|troubles|trouble|problem|issue|failures|failure|crashes|crash report|crash reports|incident report|"
                          "incident reports|incident log|restart history|past problems|past failures|past issues|faults|fault|alarms|alerts|past crashes|past outages|"
                          "downtime history|downtimes|post mortem|disruptions|episodes|mishaps|alert history|downtime"),
    (_N, "fix", "", "fix|solution|remedy|cure|what helped|what fixed it|resolution|workaround|the fix"),
    (_N, "cause", "", "cause|reason|root cause|culprit|explanation|the reason|story|deal|matter|the deal with|the story with|what's up"),
    (_N, "release", "", "release|version|deploy|deployment|build|revision|releases|versions"),
    (_N, "last_release", "", "last good release|last good version|last known good|last known good release|last known good version|previous release|previous version|previous deploy|"
                             "previous deployment|previous build|prior version|prior release|earlier version|earlier release|last release|last version|"
                             "last stable version|last stable release|last working version|last working release|old version|older version|former version|former release|"
                             "good version|good release|last deploy|last deployment|latest deploy|latest deployment|latest release|recent deploy|recent deployment|most recent deploy|most recent deployment|"
                             "version before|one before|release before|known good version|known good release|stable version|stable release|old release|older release|last build|"
                             "known-good version|known-good release|last known-good version|last known-good release|how it was before|what it was before|how it was|what it was|where it was|deploy before|last one that worked|"
                             "previous one|prior deploy|last known version|working version|earlier build|old build|yesterday's version|yesterday's release|last week's version"),
    (_N, "instances", "", "instance|instances|worker|workers|process|processes|replica|replicas|copies|copy|nodes|pods|workers total"),
    (_N, "cpu", "", "cpu|cpu usage|cpu load|processor|cpu use|processor usage|cpu time|cores|cpu consumption"),
    (_N, "memory", "", "memory|ram|mem|memory usage|memory use|ram usage|memory consumption|memory footprint|footprint|mem usage|rss|swap"),
    (_N, "disk", "", "disk|disk space|disk usage|storage|free space|space|disks|disc|disc space|hard drive|hard disk|room on disk|filesystem|partition|inodes|disk room"),
    (_N, "load", "", "load|load average|loadavg|load averages|system load|server load|machine load|pressure"),
    (_N, "machine", "", "machine|host|server|box|system|computer|this machine|this host|this server|this box|host metrics|system metrics|machine metrics|server metrics|node|"
                        "host stats|system stats|server stats|machine stats|hardware|system status|host status|server status|machine status|system health|host health|server health|machine health|"
                        "system resources|host resources|machine resources|server resources|vps|vm|our server|host machine"),
    (_N, "services", "", "services|processes|apps|applications|units|all services|process list|service list|list of services|list of processes|daemons|running services|"
                         "running processes|running apps|service status|services status|overall status|service overview|whole system|our services|my services|programs"),
    (_N, "unit", "", "service|unit|app|application|process|server process|daemon|services|units|apps|component|container|program|job|one|backend service|microservice"),
    (_N, "hold", "", "hold|the hold|on hold|off hold|the hold on"),
    (_N, "agent", "", "yourself|the agent|agent|your work|your actions|automatic actions|automatic repairs|yourselves|automation|the automation|auto-repair|autopilot|auto-healing|your repairs|repairs|"
                      "normal operation|normal operations|normal duty|your duties|operations|self-healing|auto repair"),
    (_N, "approval", "", "approval|request|question|pending approval|open question|proposal|the proposal|action|plan|pending request|pending one|pending action|pending question|suggestion|"
                         "repair|change|the change|pending change|pending plan|pending proposal|pending repair|the pending one"),
    (_N, "procedure", "", "procedure|gui procedure|screen procedure|workflow|macro|recording|automation|routine|script|job|flow|task"),
    # states
    (_S, "up", "", "up|running|alive|online|up and running|live|working|active|available|reachable|back up|back online|responding|serving|started|on|present|answering|there"),
    (_S, "healthy", "", "healthy|ok|okay|fine|well|good|in good shape|happy|in order|all right|alright|doing well|in good health|stable|sane"),
    (_S, "down", "", "down|dead|offline|not running|not up|isn't running|isn't up|not alive|not responding|not answering|not working|out|gone|unreachable|unavailable|"
                     "not online|not available|not reachable|not there|not serving|inactive|isn't responding|isn't working|isn't answering|non responsive|nonresponsive|not active|not started|knocked out"),
    (_S, "unhealthy", "", "unhealthy|not healthy|isn't healthy|not ok|not okay|not well|sick|isn't ok|isn't well|not fine|ill|degraded|in bad shape|in bad health|not doing well|unwell"),
    (_S, "stopped", "", "stopped|halted"),
    (_S, "bad", "", "slow|failing|broken|crashing|hanging|stuck|unresponsive|sluggish|flapping|leaking|leaking memory|erroring|erroring out|acting up|acting weird|acting strange|acting strangely|"
                    "misbehaving|hung|frozen|wedged|behaving oddly|behaving strangely|behaving badly|acting funny|timing out|throwing errors|throwing exceptions|returning errors|returning 500s|"
                    "spitting errors|crash looping|crash-looping|crashlooping|in a crash loop|laggy|lagging|choking|struggling|bloated|weird|strange|odd|off|playing up|"
                    "overloaded|swamped|unstable|restarting|dying|so slow|using so much memory|using too much memory|using a lot of memory|eating memory|eating cpu|using so much cpu|using too much cpu|hogging memory|"
                    "hogging cpu|eating all the memory|out of memory|buggy|flaky|bad|faulty|wrong|really slow|very slow|too slow|full|stale|a mess|spiking|hot|pegged|maxed out|unhappy|busted|borked|melting|on fire|toast"),
    (_S, "bad", "base", "crash|fail|die|break|hang|freeze|choke|misbehave|leak|flap|act up|go down|fall over|go wrong|time out|oom|run out of memory|go away|get stuck|go offline|keel over|blow up|fall down|disappear|drop out|quit|shut itself down|exit"),
    (_S, "bad", "past", "crashed|failed|died|broke|broken down|froze|choked|went down|fell over|went wrong|timed out|oomed|ran out of memory|went away|went offline|keeled over|blew up|fell down|disappeared|"
                        "misbehaved|leaked|flapped|acted up|happened|gone wrong|gone down|been down|been slow|hiccupped|hiccuped|dropped out|exited|quit|stopped working|stopped responding|went sideways|"
                        "was down|were down|got stuck|crapped out|been failing|been crashing|tripped|got killed|been killed|oom-killed|oom killed|blipped|broke down|wobbled|gone bad|been broken|been flapping|been unhealthy"),
    # questions
    (_Q, "why", "", "why|how come|what made|what makes|what caused|what causes|for what reason|what's the reason|what is the reason|what was the reason|the reason why|what's causing|what is causing|"
                    "what went wrong|what happened|what has happened|what's happened|what's wrong|whats wrong|what is wrong|what's happening|what is happening|what's going on|what is going on|"
                    "whats going on|whats up|what's up|what's the matter|what is the matter|what's the problem|what is the problem|what's the story|what's the deal|what was wrong|what was the problem|"
                    "what was the issue|what's the issue|what is the issue|what was the cause|what's the cause|what killed|what broke|what brought down|what took down|what took out|who killed|"
                    "what's been happening|what has been happening|what else happened|anything happen|anything wrong|anything happened|anything weird happen|did anything happen|has anything happened|something wrong|"
                    "was there|were there|what did happen|what's been going on|anything going on|is there something wrong|is anything wrong|is something wrong|did something happen|has something happened|what's bothering|what bothers|what ails|what hit"),
    (_Q, "how_fixed", "", "how was it fixed|how did we fix|how did you fix|how was that fixed|what fixed|what helped|how did i fix|how was|how were|how did we solve|how did you solve|how did we resolve|"
                          "how did it get fixed|how did you repair|how did they fix|what did we do about|what did you do about|what did you do|what did we do|how did we deal with|what worked for|what worked|"
                          "how did we get|what solved|what resolved"),
    (_Q, "how_much", "", "how much|how many|how big|how large|how full|how high|how loaded|how busy|how long|how hot|how hard"),
    (_Q, "how_often", "", "how often|how many times|how frequently|when|when did|when was|since when|at what time|what time"),
    (_Q, "how", "", "how|how's|hows|how is|how are|how're|how does|how do|how's it going with|how is it going with"),
    (_Q, "what", "", "what|what's|whats|what is|what are|which|who|where|what do|what does|where's|where is|who's|who is|what're|what was"),
    (_Q, "is", "", "is|are|isn't|aren't|does|do|has|have|did|didn't|was|were|any|is there|are there|is there any|are there any|there|there's|there is|there are|doesn't|hasn't|wasn't|"
                   "anything|something|whether|am|been|be|being|'re|'s been|has been|have been|had|seem|seems|look|looks|keep|keeps|kept|doing|going|getting|feel|feeling|get|gets|'s|getting on|keeping|got|become|became|said|"
                   "say|saying|says|tell|telling"),
    # what makes a change doubtful
    (Role.NEGATION, "not", "", "not|no|never|don't|dont|do not|doesn't|won't|can't|cannot|shouldn't|mustn't|nothing|none|neither|nor|must not|should not|shall not|don't you|avoid|don't ever|"
                               "do not ever|never ever|nobody|ain't|nowhere|refrain from|stop short of|under no circumstances|i don't want you to|i do not want you to|i don't want to|please don't|"
                               "there's no need to|there is no need to|no need to|you don't need to|you needn't|by no means|hardly|rarely|forbid|forbidden|you must not|you mustn't|better not|make sure not to|be careful not to|"
                               "make sure you don't|instead of|rather than|don't want|wouldn't|couldn't|hasn't"),
    (Role.NEGATION, "without", "", "without|w/o"),
    (Role.CONDITION, "if", "", "if|only if|in case|in the event that|in the event|provided|provided that|assuming|assuming that|but only if|and if|just in case|supposing"),
    (Role.CONDITION, "when", "", "when|whenever|once|as soon as|the moment|the next time|next time|every time|each time|anytime|any time|until|till|after|before|while|during|unless|in case of|as long as|by the time"),
    (Role.DOUBT, "doubt", "", "should|should i|should we|shall|shall i|shall we|might|may|maybe|perhaps|would|could|could i|could we|can i|can we|can|may i|what if|what happens if|what would happen if|suppose|"
                              "what'd happen if|if i|if we|were i to|how do i|how do you|how would i|how can i|how to|how could i|what's the best way to|is it safe to|is it ok to|is it okay to|would it help to|"
                              "is it possible to|do i need to|do we need to|do you think|thinking about|thinking of|i think|i guess|i believe|i heard|i'm thinking|am thinking|consider whether|tempted to|probably|possibly|likely|otherwise|else|or else|"
                              "supposed to|am i supposed to|do i have to|ought|whether to|when should|who|nearly|almost|going to|gonna|about to|i will|i'll|we'll|we will|he|she|says|said|told|asked|asks|asking|wants|wanted|claims|"
                              "tried to|trying to|happen if|is it wise to|is it time to|does it make sense to|worth|planning to|plan to|had to|forgot to|hypothetically|theoretically|in theory|let's say|what would|would that|"
                              "is it a good idea to|would it be ok to|would it be okay to|would it be safe to|is there a way to|what does it take to|never mind"),
    # why
    (Role.REASON, "because", "", "because|cause|'cause|cuz|coz|since|as|due to|because of|given that|given|seeing as|seeing that|considering|on account of|so that|in order to|thanks to|otherwise it|for the sake of|now that|so it|so we|so they"),
    # glue
    (_G, "of", "", "of|'s"), (_G, "for", "", "for"), (_G, "to", "", "to|unto|2|towards"), (_G, "on", "", "on|onto|upon"), (_G, "in", "", "in|inside|inside of|into|within"),
    (_G, "from", "", "from|out of"), (_G, "with", "", "with|using|having"), (_G, "at", "", "at|@|="), (_G, "by", "", "by"), (_G, "about", "", "about|regarding|concerning|re|wrt|around|on the subject of"),
    (_G, "the", "", "the|a|an|my|our|your|some|that|this|all the|all of the|few|couple"),
    (_G, "up", "", "up|upwards|higher"), (_G, "down", "", "down|downwards|lower"), (_G, "off", "", "off"), (_G, "out", "", "out"), (_G, "back", "", "back|back to life"), (_G, "over", "", "over|above|past|across"),
    (_G, "on", "particle", "on"), (_G, "online", "", "online"), (_G, "offline", "", "offline"), (_G, "alone", "", "alone|be|in peace|as it is|as is|untouched"),
    (_G, "running", "", "running|going|working"), (_G, "more", "", "more|additional|extra|another|further|other"), (_G, "fewer", "", "fewer|less"), (_G, "last", "", "last|latest|recent|newest|most recent|past|previous|recently|lately|freshest|current|currently|final|bottom"),
    (_G, "number", "", "number of|the number of|count of|the count of|amount of|the amount of|count|instance count|worker count|replica count|number"),
    (_G, "me", "", "me|us|i|we|you|u"), (_G, "still", "", "still|already|yet|ever|even|currently|at the moment|right now|at present|now|these days|as of now|presently|anymore|any more|lately|recently|before|so often|all the time|so much|constantly|repeatedly"),
    (_G, "free", "", "free|left|used|available|in use|taken|consumed|remaining|using|eating|use|eat|consuming|taking|take|consume|hogging|occupying"),
    (_G, "containing", "", "containing|mentioning|matching|including|that mention|that contain|that match|with the word|with the words|that say|with|about|contain|contains|contained|mention|mentions|which mention|which contain|having|include|saying"),
)  # fmt: skip

NUMBERS: Mapping[str, int] = {
    word: number
    for number, word in enumerate(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split(),
        start=1,
    )
} | {"zero": 0, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "a hundred": 100,
     "one hundred": 100, "two hundred": 200, "five hundred": 500, "a thousand": 1000, "a couple of": 2, "couple of": 2, "a dozen": 12, "dozen": 12, "a couple": 2, "a single": 1}  # fmt: skip

SOFT = frozenset(
    "search find check report reports worker workers instance instances process processes replica replicas server machine box host system "
    "memory ram cpu disk storage load metrics console output journal monitor agent release version build job task script app apps service "
    "services application unit slow broken healthy stuck dead alive live online active available stats state history past info details "
    "export backup timeline node nodes pods flow macro routine probe ping watch stream console messages events trace traces numbers "
    "figures cache deploy deployer update updates clean reset program container component core cores".split()
)
"""Words that a unit may well be called: there both are tried. Every other word of the table names a unit only in quotes."""


@cache
def lexicon() -> Mapping[str, tuple[tuple[tuple[str, ...], tuple[Meaning, ...]], ...]]:
    """Return the phrases by their first word, longest first, each with everything that it may be."""
    found: dict[tuple[str, ...], list[Meaning]] = {}
    for phrase, meaning in _phrases():
        meanings = found.setdefault(tuple(phrase.split()), [])
        if meaning not in meanings:
            meanings.append(meaning)
    by_first: dict[str, list[tuple[tuple[str, ...], tuple[Meaning, ...]]]] = {}
    for words, meanings in sorted(found.items(), key=lambda pair: -len(pair[0])):
        by_first.setdefault(words[0], []).append((words, tuple(meanings)))
    return {first: tuple(rows) for first, rows in by_first.items()}


def _phrases() -> Iterator[tuple[str, Meaning]]:
    for tool, columns in _INFLECTED.items():
        for form, phrases in zip(("imperative", "third", "gerund", "past"), columns, strict=True):
            for phrase in filter(None, phrases.split("|")):
                yield phrase, (_V, tool, form)
    for tool, phrases in _READING:
        for phrase in phrases.split("|"):
            yield phrase, (_V, tool, "imperative")
    for word in _LIGHT:
        yield word, (_V, word, "light")
    for role, value, form, phrases in _ROWS:
        for phrase in phrases.split("|"):
            yield phrase, (role, value, form)


@cache
def words() -> frozenset[str]:
    """Return every word of the table."""
    return frozenset(word for rows in lexicon().values() for phrase, _ in rows for word in phrase) | set(NUMBERS)
