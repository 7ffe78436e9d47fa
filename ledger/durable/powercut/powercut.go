// Package powercut gives tests a disk whose power can be cut.
//
// Not here: anything that is linked into a program.
package powercut
