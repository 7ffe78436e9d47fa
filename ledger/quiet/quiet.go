// Package quiet keeps the logs of libraries out of the output of programs and tests.
//
// Not here: our own logs.
package quiet

import (
	"io"
	"log/slog"

	"k8s.io/klog/v2"
)

// Tessera hides what Tessera logs, except its errors, which go to the standard error. It
// works on the whole process, since Tessera uses the global loggers of klog and slog, and it
// may be called at any time and more than once. It has no effect where the program gave them
// a logger of its own (klog.SetSlogLogger, slog.SetDefault).
func Tessera() {
	slog.SetLogLoggerLevel(slog.LevelError)
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
}
