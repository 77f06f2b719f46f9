# What the scripts beside this file share: finding a Java that is new enough, and running Maven on it.

needed=25

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# Prints the feature release of the Java in directory $1, or 0.
java_release() {
  if [ -x "$1/bin/java" ] && [ -r "$1/release" ]; then
    while IFS= read -r line; do
      case $line in
        JAVA_VERSION=*)
          line=${line#*=\"}
          echo "${line%%[!0-9]*}"
          return
          ;;
      esac
    done < "$1/release"
  fi
  echo 0
}

# Sets java_home to the first Java that is new enough; with "jdk" as $1, to one that has a compiler.
find_java() {
  on_path=$(command -v java || true)
  [ -z "$on_path" ] || on_path=$(dirname "$(dirname "$(readlink -f "$on_path")")")
  for home in "${JAVA_HOME:-}" "$on_path" /usr/lib/jvm/*; do
    if [ -n "$home" ] && [ "$(java_release "$home")" -ge $needed ]; then
      if [ "$1" != jdk ] || [ -x "$home/bin/javac" ]; then
        java_home=$home
        return
      fi
    fi
  done
  fail "needs a $1 $needed or newer; none in JAVA_HOME, PATH or /usr/lib/jvm." \
    "Install one (for instance Temurin's package temurin-$needed-jdk) or set JAVA_HOME."
}

# Fails where there is no JDK, or no Maven.
find_maven() {
  find_java jdk
  command -v mvn > /dev/null || fail "needs Maven to build: apt-get install maven"
}

# Runs Maven with these arguments, once find_maven found it. Older ones use what newer JVMs warn of.
maven() {
  MAVEN_OPTS="--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow ${MAVEN_OPTS:-}" \
    JAVA_HOME=$java_home mvn "$@"
}
