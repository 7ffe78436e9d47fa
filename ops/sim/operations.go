package sim

import "github.com/saksi-ledger/saksi/events"

// operation is something that people and machines do to a control plane, named as
// such planes' own logs do: service:Action.
type operation struct {
	name, resource string
	access         events.Access
	classes        []string
	machine        bool // machines do it too
}

func operations() []operation {
	var (
		content  = []string{"customer-content"}
		service  = []string{"service-data"}
		identity = []string{"identity"}
	)
	return []operation{
		{"compute:DescribeInstances", "instance", events.AccessRead, service, true},
		{"compute:AttachConsole", "instance", events.AccessAdmin, content, false},
		{"compute:MigrateInstance", "instance", events.AccessWrite, nil, true},
		{"host:Reboot", "host", events.AccessAdmin, nil, false},
		{"host:UpdateFirmware", "host", events.AccessWrite, nil, false},
		{"host:CollectDiagnostics", "host", events.AccessRead, service, true},
		{"storage:ReadSnapshot", "volume", events.AccessRead, content, false},
		{"storage:ReplaceVolume", "volume", events.AccessWrite, content, true},
		{"storage:DeleteVolume", "volume", events.AccessDelete, content, false},
		{"database:RunQuery", "database", events.AccessRead, content, false},
		{"database:Backup", "database", events.AccessRead, content, true},
		{"logs:GetEvents", "log", events.AccessRead, service, true},
		{"iam:PutPolicy", "policy", events.AccessAdmin, identity, false},
		{"iam:AssumeRole", "role", events.AccessAdmin, identity, true},
		{"kms:RotateKey", "key", events.AccessAdmin, identity, true},
		{"network:ChangeRoute", "route", events.AccessWrite, nil, true},
	}
}

// operation draws one, of those that machines do if it is to be.
func (c *Country) operation(machine bool) *operation {
	for {
		if op := &c.operations[c.random.IntN(len(c.operations))]; op.machine || !machine {
			return op
		}
	}
}

// resource is what an operation touches, under a salted digest.
func (c *Country) resource(op *operation) *events.Resource {
	return &events.Resource{Kind: op.resource, Digest: "sha256:" + c.hex(32)}
}

// region is an operator's name for its region.
func region(operator string) string {
	if operator == "stratus-my" {
		return "ap-kualalumpur-1"
	}
	return "my-central-1"
}
