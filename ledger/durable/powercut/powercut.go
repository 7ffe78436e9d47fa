// Package powercut gives tests a disk whose power can be cut. It is for tests alone.
package powercut
