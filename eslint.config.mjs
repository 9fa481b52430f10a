import js from '@eslint/js';
import prettier from 'eslint-config-prettier';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

// The arrows of docs/design.md: each zone's target must not import from what is named.
const zones = [
  { target: './constructs', from: ['./src', './scripts', './test', './bench', './examples'] },
  { target: './src/runtime', from: ['./constructs', './src/cli', './scripts', './test'], except: ['./contract.ts'] },
  { target: './src/cli', from: ['./src/runtime', './scripts', './test', './bench'] },
  { target: './src/main.ts', from: ['./src/cli', './src/runtime', './scripts', './test'] },
  { target: './examples', from: ['./src', './scripts', './test', './bench'] },
].flatMap(({ target, from, except }) =>
  from.map((folder) => ({ target, from: folder, ...(folder === './constructs' && except ? { except } : {}) })),
);

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'python/', 'coverage/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
    plugins: { 'import-x': importX },
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    settings: {
      'import-x/resolver-next': [
        createNodeResolver({
          extensions: ['.ts', '.js', '.json'],
          extensionAlias: { '.js': ['.ts', '.js'] },
        }),
      ],
    },
    rules: {
      'import-x/no-restricted-paths': ['error', { zones }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      // Constructs are instantiated for their effect on the tree.
      'no-new': 'off',
      '@typescript-eslint/no-extraneous-class': 'off',
    },
  },
  {
    files: ['constructs/**/*.ts'],
    rules: {
      // jsii knows index signatures, and no Record.
      '@typescript-eslint/consistent-indexed-object-style': ['error', 'index-signature'],
    },
  },
  {
    files: ['**/*.{js,cjs,mjs}'],
    languageOptions: {
      globals: {
        module: 'writable',
        require: 'readonly',
        process: 'readonly',
        console: 'readonly',
        __dirname: 'readonly',
      },
    },
  },
  prettier,
);
