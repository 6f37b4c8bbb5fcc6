import react from '@vitejs/plugin-react';
import { defineConfig, type UserConfig } from 'vite';

const configuration: UserConfig = defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  resolve: { alias: { '#contract': new URL('../src/api/contract/index.ts', import.meta.url).pathname } },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    reportCompressedSize: false,
  },
  logLevel: 'warn',
});

export default configuration; // vite reads the default export
