package object

// References of small containers, from the first word of the body on. Get and SetItem know them by these numbers.
const (
	FunctionGlobals = iota
	FunctionDefaults
	FunctionDict
	FunctionClosure
	functionRefs
)

// References of a bound method.
const (
	MethodFunction = iota
	MethodSelf
	methodRefs
)

// Where the weak references to functions and methods begin.
const (
	functionWeak = offBody + functionRefs*8
	methodWeak   = offBody + methodRefs*8
)

// newRefs makes a small container with these references, each with one of its own.
func (h *Heap) newRefs(id TypeID, refs ...Ref) Ref {
	o := h.alloc(id, 0)
	if o == 0 {
		return 0
	}
	for i, v := range refs {
		h.Incref(v)
		o.store(offBody+uintptr(i)*8, uintptr(v))
	}
	h.track(o)
	return o
}

// NewSlice returns slice(start, stop, step), or 0 if there is no memory.
func (h *Heap) NewSlice(start, stop, step Ref) Ref { return h.newRefs(typeSlice, start, stop, step) }

// NewFunction returns a function with its globals and its closure, a tuple of cells or 0; or 0 if there is no memory.
// Its code and its name are none of our objects.
func (h *Heap) NewFunction(globals, closure Ref) Ref {
	return h.newRefs(typeFunction, globals, 0, 0, closure)
}

// NewCell returns a cell, which is what a closure has of a variable, or 0 if there is no memory.
func (h *Heap) NewCell(v Ref) Ref { return h.newRefs(typeCell, v) }

// NewMethod returns a function bound to an object, or 0 if there is no memory.
func (h *Heap) NewMethod(function, self Ref) Ref { return h.newRefs(typeMethod, function, self) }
