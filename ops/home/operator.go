package home

// Operator is the home of an operator.
type Operator struct{ party }

// NewOperator makes an operator's home in an empty directory: keys and the
// request for the authority.
func NewOperator(dir, name string) (*Operator, error) {
	return NewOperatorWith(dir, name, KeySpec{})
}

// NewOperatorWith makes an operator's home with a signing key as it is specified.
func NewOperatorWith(dir, name string, spec KeySpec) (*Operator, error) {
	p, err := newParty(dir, RoleOperator, name, spec)
	if err != nil {
		return nil, err
	}
	return &Operator{*p}, nil
}

// OpenOperator opens an operator's home.
func OpenOperator(dir string) (*Operator, error) {
	id, err := open(dir, RoleOperator)
	if err != nil {
		return nil, err
	}
	return &Operator{party{Identity: id, dir: dir}}, nil
}

// CommittedDir is where the batches are kept that the operator has committed to and not
// shown.
func (o *Operator) CommittedDir() string { return o.path("committed") }

// OutboxFile is the operator's outbox.
func (o *Operator) OutboxFile() string { return o.path("outbox.db") }
