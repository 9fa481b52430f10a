#!/usr/bin/env bash
# Builds the images of the local cluster into archives: build.sh [--tag TAG[=FOLDER]] [NAME…], all NAMEs by default.
# An archive's name carries a hash of all that goes into it; one that is there already is not built again.
# Prints one line per image to standard output: NAME, IMAGE and ARCHIVE, and progress to standard error.
#   --tag TAG[=FOLDER]   another image of `airflow` under this tag, alike but for the variable CDK8S_AIRFLOW_RELEASE=TAG
#                        and, if a FOLDER is given, its files in /opt/airflow/dags; repeat it for several.
#                        Its archive holds only what the archive of `airflow` does not.
# shellcheck source=scripts/images/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
# shellcheck source=scripts/images/images.sh
source "$PROJECT/scripts/images/images.sh"

names=() tags=()
while (($#)); do
  case $1 in
    --tag)
      tags+=("${2:?--tag needs a value}")
      shift 2
      ;;
    -h | --help)
      sed -n '2,7s/^# \?//p' "${BASH_SOURCE[0]}"
      echo "NAMEs: ${ALL[*]}"
      exit 0
      ;;
    -*) die "unknown option $1" ;;
    *)
      [[ " ${ALL[*]} " == *" $1 "* ]] || die "unknown image '$1'; there are: ${ALL[*]}"
      names+=("$1")
      shift
      ;;
  esac
done
if ((${#names[@]} == 0 && ${#tags[@]} == 0)); then
  names=("${ALL[@]}")
fi

setup
for name in "${names[@]}"; do
  make_archive "$name"
done
for tag in "${tags[@]}"; do
  dags=
  if [[ $tag == *=* ]]; then
    dags=${tag#*=}
    [[ -d $dags ]] || die "--tag $tag: there is no folder '$dags'"
  fi
  make_release "${tag%%=*}" "$dags"
done
