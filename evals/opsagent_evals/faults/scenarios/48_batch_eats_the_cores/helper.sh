# Something else that runs here.
trap 'exit 0' TERM
echo "helper: waiting"
while :; do sleep 2 & wait $!; done
