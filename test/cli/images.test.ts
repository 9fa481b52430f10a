import { buildArguments } from '../../src/cli/images.js';

describe('the command that builds the image', () => {
  const options = {
    dockerfile: 'Dockerfile',
    context: 'dist/packages',
    tag: 'r/a:1',
    buildArgs: { AIRFLOW_VERSION: '3.3.2' },
  };

  test('is the same for docker and podman', () => {
    const expected = [
      'build',
      '--build-arg',
      'AIRFLOW_VERSION=3.3.2',
      '--file',
      'Dockerfile',
      '--tag',
      'r/a:1',
      'dist/packages',
    ];
    expect(buildArguments('docker', options)).toEqual(expected);
    expect(buildArguments('podman', options)).toEqual(expected);
  });

  test('lets buildah work without rights that a container lacks', () => {
    expect(buildArguments('buildah', options).slice(0, 3)).toEqual(['build', '--isolation', 'chroot']);
  });
});
