// Command cauri is the engine, its demo, its simulated gateways and its tools.
//
// This is where rooms meet: config.go reads every setting once, run.go wires the
// engine top to bottom, and each subcommand has one file. It knows everybody and
// decides nothing.
//
// Exit codes: 0 done; 1 it did not work; 2 the command line is wrong; 3 a check
// found something broken; 4 the engine says no, or what was asked for is not there;
// 75 it may work later; 78 the configuration can't be started with. With --json an error
// is one line on standard error: {"error":{"code":…,"message":…,"exit":…}}, and problem as
// the engine answered it.
package main
