// Package ops has the tests of the whole module: of its package graph, its names, its
// texts and its pages. How Saksi runs is in the packages below, one for each part.
//
// Not here: code of a program.
package ops
