// Package report makes, out of what verification found, a report for people who read no
// protocol: what is proven, by whom, what is only said and what is not proven, as one
// HTML file that prints well or as text, in English and Malay; and drafts of the
// certificates that courts want with computer evidence, for counsel to finish.
//
// It adds nothing to what package ledger/verify has found and takes nothing away.
package report
