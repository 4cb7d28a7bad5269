#!/bin/sh
# Stands in for a suite's binary in tests.rs: does what the test says, with the arguments that xtask gave.
eval "$FAKE_SCRIPT"
