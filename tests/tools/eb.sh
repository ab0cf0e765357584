#!/usr/bin/env bash
# The `eb` CLI against a local cloud: from an empty folder to an environment that is terminated again. In the environment:
# what `vpipe local serve` printed, and a PATH with `eb` and `aws`.
set -euo pipefail

says() { # A command, and a text that it must print.
    local told
    told=$("${@:1:$#-1}" 2>&1) || { echo "$*: $told" >&2; return 1; }
    grep -qF -- "${*: -1}" <<< "$told" || { echo "${*:1:$#-1} does not say \`${*: -1}\`: $told" >&2; return 1; }
}
page() { curl -sS --proxy "$AWS_ENDPOINT_URL" "http://$1/"; }

echo "<p>one</p>" > index.html
says eb init shop --platform "Tomcat 10 with Corretto 21 running on 64bit Amazon Linux 2023" --region us-east-1 "Application shop has been created."
says eb create blue --cname shop-blue --min-instances 2 --max-instances 3 --timeout 30 --tags project=shop \
    "Successfully launched environment: blue"
says eb status blue "Status: Ready"
says eb status blue "Health: Green"
says eb health blue "Ok"
says eb events blue "Environment health has transitioned from Pending to Ok."
says page shop-blue.us-east-1.elasticbeanstalk.com "<p>one</p>"

echo "<p>two</p>" > index.html
says eb deploy blue --label v2 --timeout 30 "New application version was deployed to running EC2 instances."
says eb status blue "Deployed Version: v2"
says eb setenv --environment blue GREETING=hello --timeout 30 "Successfully deployed new configuration to environment."
says eb printenv blue "GREETING = hello"
says eb scale 3 blue --timeout 30 "Successfully deployed new configuration to environment."
says aws ec2 describe-instances --filters Name=tag:elasticbeanstalk:environment-name,Values=blue Name=instance-state-name,Values=running \
    --query "length(Reservations[].Instances[])" "3"
says eb tags blue --list "project"

says eb clone blue --clone_name copy --cname shop-copy --timeout 30 "Successfully launched environment: copy"
says eb status copy "Deployed Version: v2"
says eb printenv copy "GREETING = hello"
says page shop-copy.us-east-1.elasticbeanstalk.com "<p>two</p>"
says eb terminate copy --force --timeout 30 "terminateEnvironment completed successfully."

says eb create green --cname shop-green --version v2 --timeout 30 "Successfully launched environment: green"
says page shop-green.us-east-1.elasticbeanstalk.com "<p>two</p>"
says eb swap blue --destination_name green "Completed swapping CNAMEs for environments 'blue' and 'green'."
says eb status green "CNAME: shop-blue.us-east-1.elasticbeanstalk.com"
says aws elasticbeanstalk describe-environments --environment-names blue --query "Environments[0].CNAME" shop-green

says eb terminate green --force --timeout 30 "terminateEnvironment completed successfully."
says eb terminate --all --force --timeout 30 "terminateEnvironment completed successfully."
says aws elasticbeanstalk describe-applications --query "length(Applications)" "0"
