"""What the other tours leave out, through the AWS CLI; then every waiter and every paginator that botocore has for what the
local cloud implements: paginators give the same with small pages, through boto3 and the CLI, as with one."""

import contextlib
import io
import json
import os
import re
import shlex
import sys
import tempfile
from functools import cache
from pathlib import Path

from asked import SIGNED_AS
from awscli.clidriver import create_clidriver
from botocore import xform_name
from botocore.waiter import WaiterModel
from conform import client, finish, wait
from sources import answers, services

port = sys.argv[1]
tools = Path(__file__).parent
cloud = tools.parent.parent / "src" / "cloud"
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1", "AWS_CONFIG_FILE": os.devnull,
}
@cache
def driver(service):
    """A CLI for each service, which has read its model."""
    return create_clidriver()


def aws(line, refused=None, **parameters):
    """A command of the AWS CLI; what it prints, read as JSON. With a code, it must be refused with that."""
    # Version 1 of the CLI takes another address than that of the environment for RDS in us-east-1.
    words = [*shlex.split(line), "--endpoint-url", os.environ["AWS_ENDPOINT_URL"]]
    if parameters:
        words += ["--cli-input-json", json.dumps(parameters)]
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = driver(words[0]).main(words)
    if refused:
        assert code != 0 and f"({refused})" in err.getvalue(), f"aws {line}: {code} {err.getvalue()}"
        return None
    assert code == 0, f"aws {line} {parameters}: {code} {err.getvalue()}"
    with contextlib.suppress(ValueError):
        return json.loads(out.getvalue() or "{}")
    return out.getvalue()


folder = Path(tempfile.mkdtemp())
(folder / "index.html").write_text("one")
trust = json.dumps({"Version": "2012-10-17", "Statement": []})

# IAM
aws("iam create-role --role-name r", AssumeRolePolicyDocument=trust)
aws("iam attach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier")
assert len(aws("iam list-attached-role-policies --role-name r")["AttachedPolicies"]) == 1
aws("iam detach-role-policy --role-name r --policy-arn arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier")
aws("iam tag-role --role-name r --tags Key=a,Value=b Key=c,Value=d")
aws("iam untag-role --role-name r --tag-keys a")
assert aws("iam list-role-tags --role-name r")["Tags"] == [{"Key": "c", "Value": "d"}]
aws("iam update-role --role-name r --description d --max-session-duration 7200")
aws("iam update-assume-role-policy --role-name r", PolicyDocument=trust)
assert aws("iam get-role --role-name r")["Role"]["Description"] == "d"
aws("iam put-role-policy --role-name r --policy-name p", PolicyDocument=trust)
aws("iam put-role-policy --role-name r --policy-name q", PolicyDocument=trust)
for name in ("one", "two", "three"):
    aws(f"iam create-instance-profile --instance-profile-name {name}")
    aws(f"iam add-role-to-instance-profile --instance-profile-name {name} --role-name r")
assert {p["InstanceProfileName"] for p in aws("iam list-instance-profiles")["InstanceProfiles"]} >= {"one", "two"}

# EC2
vpc = aws("ec2 describe-vpcs --filters Name=is-default,Values=true")["Vpcs"][0]["VpcId"]
subnets = [s["SubnetId"] for s in aws(f"ec2 describe-subnets --filters Name=vpc-id,Values={vpc}")["Subnets"]]
groups = [aws(f"ec2 create-security-group --group-name g{n} --description d --vpc-id {vpc}")["GroupId"] for n in range(6)]
group = groups[0]
mysql = "IpProtocol=tcp,FromPort=3306,ToPort=3306"
aws(f"ec2 authorize-security-group-egress --group-id {group} --ip-permissions {mysql},IpRanges=[{{CidrIp=10.0.0.0/8}}]")
assert len(aws(f"ec2 describe-security-groups --group-ids {group}")["SecurityGroups"][0]["IpPermissionsEgress"]) == 2
aws(f"ec2 revoke-security-group-egress --group-id {group} --ip-permissions {mysql},IpRanges=[{{CidrIp=10.0.0.0/8}}]")
for port_open in range(8000, 8007):
    aws(f"ec2 authorize-security-group-ingress --group-id {group} --protocol tcp --port {port_open} --cidr 10.0.0.0/8")
aws(f"ec2 create-tags --resources {group} --tags Key=a,Value=b Key=c,Value=d Key=e,Value=f Key=g,Value=h Key=i,Value=j Key=k,Value=l")
aws(f"ec2 delete-tags --resources {group} --tags Key=a")
assert len(aws(f"ec2 describe-tags --filters Name=resource-id,Values={group}")["Tags"]) == 5
aws("ec2 create-key-pair --key-name made")
aws("ec2 import-key-pair --key-name ours", PublicKeyMaterial="ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQC7")
aws("ec2 delete-key-pair --key-name made")
aws("ec2 describe-key-pairs --key-names made", refused="InvalidKeyPair.NotFound")

# RDS and ElastiCache; the least page is 20.
for number in range(21):
    name = f"group-{number:02}"
    aws(f"rds create-db-subnet-group --db-subnet-group-name {name} --db-subnet-group-description d --subnet-ids {subnets[0]} {subnets[1]}")
    aws(f"elasticache create-cache-subnet-group --cache-subnet-group-name {name} --cache-subnet-group-description d --subnet-ids {subnets[0]}")
aws(
    "rds create-db-instance --db-instance-identifier db --engine mysql --db-instance-class db.t3.micro --master-username admin"
    " --master-user-password sesame-open --allocated-storage 20"
)
for name in ("one", "two"):
    aws(f"elasticache create-cache-cluster --cache-cluster-id {name} --engine memcached --cache-node-type cache.t3.micro --num-cache-nodes 1")

aws(
    "elasticache create-replication-group --replication-group-id rg --replication-group-description d --engine redis"
    " --cache-node-type cache.t3.micro --num-cache-clusters 1"
)

# CloudWatch
aws(
    "cloudwatch put-metric-alarm --alarm-name a --namespace AWS/RDS --metric-name CPUUtilization --statistic Average --period 60"
    " --evaluation-periods 1 --threshold 80 --comparison-operator GreaterThanThreshold"
)

# Amazon MQ
users = [{"Username": "admin", "Password": "a-good-password"}]
for name in ("first", "second", "third"):
    broker = aws(
        f"mq create-broker --broker-name {name} --engine-type RABBITMQ --engine-version 3.13 --deployment-mode SINGLE_INSTANCE"
        " --host-instance-type mq.t3.micro --no-publicly-accessible --auto-minor-version-upgrade", Users=users,
    )["BrokerId"]
# RabbitMQ keeps its users itself.
for line in ("create-user --password another-password", "update-user --password another-password", "describe-user", "delete-user"):
    aws(f"mq {line} --broker-id {broker} --username other", refused="BadRequestException")
aws(f"mq list-users --broker-id {broker}", refused="BadRequestException")

# S3, with the commands that people use, too.
bucket = "vpipe-pages"
aws(f"s3 mb s3://{bucket}")
aws(f"s3 cp {folder}/index.html s3://{bucket}/site/index.html --no-progress")
for number in range(5):
    aws(f"s3 cp {folder}/index.html s3://{bucket}/{number} --no-progress")
    aws(f"s3api create-multipart-upload --bucket {bucket} --key never-{number}")
assert "index.html" in aws(f"s3 ls s3://{bucket}/site/")
aws(f"s3 sync {folder} s3://{bucket}/site --delete --no-progress")
aws(f"s3api head-bucket --bucket {bucket}")
policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": f"arn:aws:s3:::{bucket}/*"}]})
aws(f"s3api put-bucket-policy --bucket {bucket}", Policy=policy)
assert json.loads(aws(f"s3api get-bucket-policy --bucket {bucket}")["Policy"]) == json.loads(policy)
aws(f"s3api delete-bucket-policy --bucket {bucket}")
aws(f"s3api get-bucket-policy --bucket {bucket}", refused="NoSuchBucketPolicy")
aws(f"s3api put-bucket-ownership-controls --bucket {bucket}", OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]})
aws(f"s3api put-public-access-block --bucket {bucket}", PublicAccessBlockConfiguration={"BlockPublicAcls": True})
assert not aws(f"s3api get-public-access-block --bucket {bucket}")["PublicAccessBlockConfiguration"]["BlockPublicPolicy"]
aws(f"s3api delete-public-access-block --bucket {bucket}")
aws(f"s3api put-bucket-tagging --bucket {bucket}", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
aws(f"s3api delete-bucket-tagging --bucket {bucket}")
aws(f"s3api put-object-tagging --bucket {bucket} --key 0", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
aws(f"s3api delete-object-tagging --bucket {bucket} --key 0")
assert aws(f"s3api get-object-tagging --bucket {bucket} --key 0")["TagSet"] == []
upload = aws(f"s3api create-multipart-upload --bucket {bucket} --key parts")["UploadId"]
for number in (1, 2, 3):
    aws(f"s3api upload-part --bucket {bucket} --key parts --part-number {number} --upload-id {upload} --body {folder}/index.html")
aws("s3 mb s3://vpipe-gone")
aws("s3 rb s3://vpipe-gone")
aws(f"s3api get-bucket-metrics-configuration --bucket {bucket} --id x", refused="NotImplemented")

# Route 53 and ACM
for name in ("a.example", "b.example", "c.example"):
    zone = aws(f"route53 create-hosted-zone --name {name} --caller-reference {name}")["HostedZone"]["Id"].split("/")[-1]
aws(f"route53 change-tags-for-resource --resource-type hostedzone --resource-id {zone} --add-tags Key=a,Value=b")
found = aws(f"route53 list-tags-for-resources --resource-type hostedzone --resource-ids {zone}")["ResourceTagSets"]
assert found[0]["Tags"] == [{"Key": "a", "Value": "b"}]
certificate, other = (
    aws(f"acm request-certificate --domain-name {name}.c.example --validation-method DNS")["CertificateArn"] for name in ("x", "y")
)
for arn in (certificate, other):
    option = {}
    while "ResourceRecord" not in option:
        option = aws(f"acm describe-certificate --certificate-arn {arn}")["Certificate"]["DomainValidationOptions"][0]
    record = option["ResourceRecord"]
    records = {"Name": record["Name"], "Type": record["Type"], "TTL": 60, "ResourceRecords": [{"Value": record["Value"]}]}
    aws(f"route53 change-resource-record-sets --hosted-zone-id {zone}", ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": records}]})
    wait(client("acm", port).get_waiter("certificate_validated"), CertificateArn=arn)

# Secrets and parameters
for name in ("one", "two"):
    aws(f"secretsmanager create-secret --name {name} --secret-string sesame")
    aws(f"ssm put-parameter --name /{name} --value sesame --type SecureString")

# Topics
for name in ("one", "two"):
    topic = aws(f"sns create-topic --name {name}")["TopicArn"]
for name in ("a", "b"):
    aws(f"sns subscribe --topic-arn {topic} --protocol email --notification-endpoint {name}@example.com")

# CloudFront
control = {"Name": "n", "SigningProtocol": "sigv4", "SigningBehavior": "always", "OriginAccessControlOriginType": "s3"}
controls = [
    aws("cloudfront create-origin-access-control", OriginAccessControlConfig={**control, "Name": name}) for name in ("n", "m", "o")
]
identity = controls[0]["OriginAccessControl"]["Id"]
aws(f"cloudfront update-origin-access-control --id {identity} --if-match {controls[0]['ETag']}", OriginAccessControlConfig={**control, "Description": "new"})
assert aws(f"cloudfront get-origin-access-control-config --id {identity}")["OriginAccessControlConfig"]["Description"] == "new"
distribution = aws(f"cloudfront create-distribution --origin-domain-name {bucket}.s3.us-east-1.amazonaws.com")["Distribution"]["Id"]
for number in range(3):
    invalidation = aws(f"cloudfront create-invalidation --distribution-id {distribution} --paths /{number}")["Invalidation"]["Id"]

# Beanstalk
aws("elasticbeanstalk create-application --application-name shop")
for label in ("v1", "v2", "v3"):
    aws(f"elasticbeanstalk create-application-version --application-name shop --version-label {label}")
aws("elasticbeanstalk update-application-version --application-name shop --version-label v1 --description d")
rule = {"VersionLifecycleConfig": {"MaxCountRule": {"Enabled": True, "MaxCount": 5}}, "ServiceRole": "arn:aws:iam::123456789012:role/aws-elasticbeanstalk-service-role"}
aws("elasticbeanstalk update-application-resource-lifecycle --application-name shop", ResourceLifecycleConfig=rule)
stacks = aws("elasticbeanstalk list-available-solution-stacks")["SolutionStacks"]
options = [
    {"Namespace": namespace, "OptionName": name, "Value": value} for namespace, name, value in (
        ("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
        ("aws:elasticbeanstalk:environment", "ServiceRole", "aws-elasticbeanstalk-service-role"),
        ("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "aws-elasticbeanstalk-ec2-role"),
        ("aws:autoscaling:asg", "MinSize", "3"),
    )
]
stack = next(stack for stack in stacks if "Corretto 21" in stack)
aws(f"elasticbeanstalk create-environment --application-name shop --environment-name live --version-label v1 --solution-stack-name '{stack}'", OptionSettings=options)
wait(client("elasticbeanstalk", port).get_waiter("environment_exists"), EnvironmentNames=["live"])
resources = aws("elasticbeanstalk describe-environment-resources --environment-name live")["EnvironmentResources"]
instances = [instance["Id"] for instance in resources["Instances"]]
arn = resources["LoadBalancers"][0]["Name"]

# Load balancing
balancers, targets = {}, {}
for name in ("own", "second"):
    balancers[name] = aws(f"elbv2 create-load-balancer --name {name} --subnets {subnets[0]} {subnets[1]}")["LoadBalancers"][0]["LoadBalancerArn"]
    targets[name] = aws(f"elbv2 create-target-group --name {name} --protocol HTTP --port 80 --vpc-id {vpc}")["TargetGroups"][0]["TargetGroupArn"]
actions = [{"Type": "forward", "TargetGroupArn": targets["own"]}]
https = aws(
    f"elbv2 create-listener --load-balancer-arn {balancers['own']} --protocol HTTPS --port 443 --certificates CertificateArn={certificate}",
    DefaultActions=actions,
)["Listeners"][0]["ListenerArn"]
http = aws(f"elbv2 create-listener --load-balancer-arn {balancers['own']} --protocol HTTP --port 80", DefaultActions=actions)["Listeners"][0]["ListenerArn"]
aws(f"elbv2 add-listener-certificates --listener-arn {https} --certificates CertificateArn={other}")
assert len(aws(f"elbv2 describe-listener-certificates --listener-arn {https}")["Certificates"]) == 2
for priority in (1, 2):
    condition = [{"Field": "path-pattern", "Values": [f"/{priority}"]}]
    aws(f"elbv2 create-rule --listener-arn {https} --priority {priority}", Conditions=condition, Actions=actions)
aws(f"elbv2 register-targets --target-group-arn {targets['own']} --targets Id={instances[0]}")

# Waiters: what those of the other tours leave.
WAITERS = {
    ("ec2", "image_available"): {"ImageIds": [aws("ec2 describe-images --owners amazon")["Images"][0]["ImageId"]]},
    ("ec2", "image_exists"): {"Owners": ["amazon"]},
    ("ec2", "instance_exists"): {"InstanceIds": instances},
    ("ec2", "instance_running"): {"InstanceIds": instances},
    ("ec2", "key_pair_exists"): {"KeyNames": ["ours"]},
    ("ec2", "subnet_available"): {"SubnetIds": subnets},
    ("ec2", "vpc_available"): {"VpcIds": [vpc]},
    ("ec2", "vpc_exists"): {"VpcIds": [vpc]},
    ("elasticache", "replication_group_available"): {"ReplicationGroupId": "rg"},
    ("elasticloadbalancing", "load_balancer_exists"): {"LoadBalancerArns": [balancers["own"]]},
    ("iam", "instance_profile_exists"): {"InstanceProfileName": "one"},
    ("iam", "policy_exists"): {"PolicyArn": "arn:aws:iam::aws:policy/AWSElasticBeanstalkWebTier"},
    ("iam", "role_exists"): {"RoleName": "r"},
    ("monitoring", "alarm_exists"): {"AlarmNames": ["a"]},
    ("s3", "bucket_exists"): {"Bucket": bucket},
    ("s3", "bucket_not_exists"): {"Bucket": "vpipe-gone"},
    ("s3", "object_exists"): {"Bucket": bucket, "Key": "0"},
    ("s3", "object_not_exists"): {"Bucket": bucket, "Key": "nothing"},
}
# What becomes true only once something is ended, below.
ENDS = {
    ("ec2", "instance_terminated"), ("elasticloadbalancing", "load_balancers_deleted"), ("elasticloadbalancing", "target_deregistered"),
    ("elasticache", "replication_group_deleted"), ("rds", "db_snapshot_available"), ("rds", "db_snapshot_completed"), ("rds", "db_snapshot_deleted"),
}
NEVER = {
    # Nothing stops instances here, and no interface is without its wearer.
    ("ec2", "instance_stopped"), ("ec2", "network_interface_available"),
    # There are alarms of metrics only.
    ("monitoring", "composite_alarm_exists"), ("monitoring", "log_alarm_exists"),
}
# Parameters of paginators that need some.
PAGINATORS = {
    ("cloudfront", "list_invalidations"): {"DistributionId": distribution},
    ("ec2", "describe_images"): {"Owners": ["amazon"]},
    ("elasticache", "describe_cache_parameters"): {"CacheParameterGroupName": "default.redis7"},
    ("elasticache", "describe_engine_default_parameters"): {"CacheParameterGroupFamily": "redis7"},
    ("elasticloadbalancing", "describe_listener_certificates"): {"ListenerArn": https},
    ("elasticloadbalancing", "describe_listeners"): {"LoadBalancerArn": balancers["own"]},
    ("elasticloadbalancing", "describe_rules"): {"ListenerArn": https},
    ("iam", "list_attached_role_policies"): {"RoleName": "aws-elasticbeanstalk-ec2-role"},
    ("iam", "list_instance_profile_tags"): {"InstanceProfileName": "one"},
    ("iam", "list_instance_profiles_for_role"): {"RoleName": "r"},
    ("iam", "list_role_policies"): {"RoleName": "r"},
    ("iam", "list_role_tags"): {"RoleName": "r"},
    ("rds", "describe_db_parameters"): {"DBParameterGroupName": "default.mysql8.0"},
    ("rds", "describe_engine_default_parameters"): {"DBParameterGroupFamily": "mysql8.0"},
    ("route53", "list_resource_record_sets"): {"HostedZoneId": zone},
    ("s3", "list_multipart_uploads"): {"Bucket": bucket},
    ("s3", "list_object_versions"): {"Bucket": bucket},
    ("s3", "list_objects"): {"Bucket": bucket},
    ("s3", "list_objects_v2"): {"Bucket": bucket},
    ("s3", "list_parts"): {"Bucket": bucket, "Key": "parts", "UploadId": upload},
    ("sns", "list_subscriptions_by_topic"): {"TopicArn": topic},
    ("ssm", "get_parameters_by_path"): {"Path": "/"},
}
# As ListBuckets, at another host.
UNPAGED = {("s3", "list_directory_buckets")}
# The least size of a page.
LEAST = {"rds": 20, "elasticache": 20, "ec2": 5, "mq": 5}

made = {service: client(SIGNED_AS.get(service, service), port) for service in set(services(cloud).values())}
wait(made["rds"].get_waiter("db_instance_available"), DBInstanceIdentifier="db")
known = "".join(file.read_text() for file in tools.glob("*.py"))
elsewhere = set(re.findall(r'get_waiter\("(\w+)"\)', known))
missing, waited, paged = [], 0, 0
for service, boto in sorted(made.items()):
    model = WaiterModel(boto._get_waiter_config()) if boto.waiter_names else None
    for name in boto.waiter_names:
        operation = next(model.get_waiter(n).operation for n in model.waiter_names if xform_name(n) == name)
        key = (service, name)
        if key in WAITERS:
            wait(boto.get_waiter(name), **WAITERS[key])
            command = "s3api" if service == "s3" else SIGNED_AS.get(service, service)
            aws(f"{command} wait {name.replace('_', '-')}", **WAITERS[key])
            waited += 1
        elif name not in elsewhere and key not in ENDS | NEVER and answers(service, operation, port):
            missing.append(f"nothing waits for {service} {name}")


def listed(pages, keys):
    """Everything in the pages of a list, whatever its shape."""
    found = []
    for page in pages:
        for key in keys:
            found += key.search(page) or []
    return found


for service, boto in sorted(made.items()):
    for operation in boto.meta.service_model.operation_names:
        name = xform_name(operation)
        key = (service, name)
        if key in UNPAGED or not boto.can_paginate(name) or not answers(service, operation, port):
            continue
        required = boto.meta.service_model.operation_model(operation).input_shape.required_members
        if required and key not in PAGINATORS:
            missing.append(f"nothing pages through {service} {name}, which needs {required}")
            continue
        parameters = PAGINATORS.get(key, {})
        paginator = boto.get_paginator(name)
        if paginator._limit_key is None:
            continue
        size = LEAST.get(service, 1)
        whole = listed(paginator.paginate(**parameters), paginator.result_keys)
        pages = list(paginator.paginate(**parameters, PaginationConfig={"PageSize": size}))
        found = listed(pages, paginator.result_keys)
        paged += 1
        if found != whole:
            missing.append(f"{service} {name}: {len(found)} with small pages, {len(whole)} with one")
        if len(pages) == 1 and len(whole) > size:
            missing.append(f"{service} {name}: {len(whole)} in one page of {size}")
        # The CLI takes `--page-size` for load balancing's own parameter, and shows one page.
        if service == "elasticloadbalancing":
            continue
        command = "s3api" if service == "s3" else SIGNED_AS.get(service, service)
        through = aws(f"{command} {name.replace('_', '-')} --page-size {size}", **parameters)
        by_cli = listed([through], paginator.result_keys)
        if len(by_cli) != len(whole):
            missing.append(f"aws {service} {name}: {len(by_cli)}, and {len(whole)} with boto3")
assert not missing, "\n".join(missing)

# The ends that waiters wait for
rds, elb, ec2 = made["rds"], made["elasticloadbalancing"], made["ec2"]
aws("rds create-db-snapshot --db-snapshot-identifier mine --db-instance-identifier db")
wait(rds.get_waiter("db_snapshot_available"), DBSnapshotIdentifier="mine")
wait(rds.get_waiter("db_snapshot_completed"), DBSnapshotIdentifier="mine")
aws("rds delete-db-snapshot --db-snapshot-identifier mine")
wait(rds.get_waiter("db_snapshot_deleted"), DBSnapshotIdentifier="mine")
aws("elasticache delete-replication-group --replication-group-id rg")
wait(made["elasticache"].get_waiter("replication_group_deleted"), ReplicationGroupId="rg")
aws(f"elbv2 deregister-targets --target-group-arn {targets['own']} --targets Id={instances[0]}")
wait(elb.get_waiter("target_deregistered"), TargetGroupArn=targets["own"], Targets=[{"Id": instances[0]}])
aws(f"elbv2 remove-listener-certificates --listener-arn {https} --certificates CertificateArn={other}")
aws(f"elbv2 delete-listener --listener-arn {http}")
aws(f"elbv2 delete-load-balancer --load-balancer-arn {balancers['second']}")
wait(elb.get_waiter("load_balancers_deleted"), LoadBalancerArns=[balancers["second"]])
aws(f"ec2 terminate-instances --instance-ids {instances[0]}")
wait(ec2.get_waiter("instance_terminated"), InstanceIds=[instances[0]])
print(f"{waited} waiters, {paged} paginators")
finish()
