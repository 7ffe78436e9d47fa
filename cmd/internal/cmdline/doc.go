// Package cmdline is what the programs in cmd share: how a command is described,
// parsed, explained and completed, and how its result is printed.
//
// A command is a value that [New] makes: its place in the help, a function that
// binds flags and arguments to the fields of an input struct, and a function that
// takes this input and returns a result or an error. A [Program] is a list of such
// commands.
//
// Not here: anything that knows of ledgers. What opens homes, asks nodes or reads the
// registry lives in the program.
package cmdline
