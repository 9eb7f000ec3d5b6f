import { defineConfig } from 'vitest/config';

// The pages are served under `script-src 'self'; style-src 'self'`: nothing may
// be inlined into their HTML, and no asset may become a data: URL.
export default defineConfig({
  base: './',
  build: {
    target: ['chrome123', 'firefox120', 'safari17.5'],
    assetsInlineLimit: 0,
    // public/.gitkeep comes back as dist/.gitkeep, which `go build` needs on a fresh clone.
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // audit.html is served at /audit/ of the admin listener, with the same assets below it.
    rolldownOptions: { input: ['index.html', 'audit.html'] },
  },
  test: {
    include: ['src/**/*.test.ts'],
    environment: 'node',
  },
});
