// Package ops holds how Saksi runs, a package for each part. Here are only the tests of the whole module: of its package
// graph, and of what its files and pages must not have.
package ops
