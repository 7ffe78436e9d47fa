package schemas

import _ "embed"

//go:embed asyncapi.json
var asyncAPI []byte

// AsyncAPI returns the AsyncAPI 3.0 document of what goes over the broker. Its references to files are to those
// beside it: events/TYPE.json.
func AsyncAPI() []byte { return asyncAPI }
