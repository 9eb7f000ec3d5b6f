package seal

import "context"

// Step is one look of Run's.
func (f *File) Step(ctx context.Context, w Watching) { f.step(ctx, w) }
