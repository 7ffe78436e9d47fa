// Package quiet keeps the logs of libraries out of the output of programs and tests.
//
// Not here: our own logs.
package quiet

import (
	"io"

	"k8s.io/klog/v2"
)

// Tessera hides what Tessera logs, except its errors, which go to the standard error. It
// works on the whole process, since Tessera uses klog's global logger, and it may be called
// at any time and more than once. It has no effect where the program gave klog a logger of
// its own (klog.SetSlogLogger).
func Tessera() {
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
}
