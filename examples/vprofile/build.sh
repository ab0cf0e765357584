#!/bin/sh
# Lays the web application out in target/webapp. A real project would compile here (`mvn -B package`).
set -eu
mkdir -p target/webapp
cp -R app/webapp/. target/webapp/
echo "laid out $(find target/webapp -type f | wc -l | tr -d ' ') files"
