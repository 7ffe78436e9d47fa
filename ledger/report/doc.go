// Package report writes reports on verified evidence for people, in English and Malay,
// as text or HTML.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// A report says what is proven and by whom, what is only claimed, and what is not
// proven. The package also drafts the certificates that courts require with computer
// evidence, for counsel to finish.
//
// It adds nothing to what package ledger/verify has found and takes nothing away.
//
// Not here: verification. A report adds nothing to what ledger/verify found, and leaves
// nothing out.
package report
