"""How long tests wait for what must happen."""

#: How long anything may take that is awaited, in seconds. Only a test that fails waits for so long: on a machine with
#: much to do everything takes many times as long as on an idle one.
PATIENCE = 240.0
